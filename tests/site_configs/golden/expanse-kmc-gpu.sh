# sbatch RUN_DIR/submit_scripts/parsl.gpus-gpu-120000.block-0
# units: 4 at a time, of 1 ranks: no MPI
#!/bin/bash

#SBATCH --job-name=parsl.gpus-gpu-120000.block-0
#SBATCH --output=RUN_DIR/submit_scripts/parsl.gpus-gpu-120000.block-0.stdout
#SBATCH --error=RUN_DIR/submit_scripts/parsl.gpus-gpu-120000.block-0.stderr
#SBATCH --nodes=1
#SBATCH --time=720
#SBATCH --ntasks-per-node=1
#SBATCH --no-requeue
#SBATCH --mem=0
#SBATCH --export=ALL
#SBATCH --exclusive
#SBATCH --partition=gpu
#SBATCH --account=my-project
#SBATCH --gpus-per-node=4


export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + 43200))
module purge
module load gpu slurm gcc
unset PYTHONPATH PYTHONHOME
export PATH=ENVIRONMENT/bin:"$PATH"
export PYTHONSAFEPATH=1
export PYTHONNOUSERSITE=1
export OMP_NUM_THREADS=1
export OPENBLAS_NUM_THREADS=1
export MKL_NUM_THREADS=1
export NUMBA_NUM_THREADS=1
export NUMBA_CACHE_DIR=CACHES/numba
export MPLCONFIGDIR=CACHES/matplotlib
export MPLBACKEND=Agg
export HDF5_USE_FILE_LOCKING=FALSE
export NNK_GPU_VARIABLE=CUDA_VISIBLE_DEVICES


export JOBNAME="parsl.gpus-gpu-120000.block-0"

process_worker_pool.py  --max_workers_per_node=4 -a ADDRESS -p 0 -c 1e-06 -m None --poll 10 --port=PORT --cert_dir RUN_DIR/certificates --logdir=RUN_DIR/gpus-gpu-120000 --logconf=None --block_id=0 --hb_period=2  --hb_threshold=20 --drain_period=43140 --cpu-affinity none  --mpi-launcher=mpiexec --available-accelerators 0 1 2 3
