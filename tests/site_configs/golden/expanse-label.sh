# sbatch RUN_DIR/submit_scripts/parsl.nodes-2.block-0
# units: 1 at a time, of 4 ranks: srun --mpi=pmi2 --nodes 2 -n 4 --ntasks-per-node 2
#!/bin/bash

#SBATCH --job-name=parsl.nodes-2.block-0
#SBATCH --output=RUN_DIR/submit_scripts/parsl.nodes-2.block-0.stdout
#SBATCH --error=RUN_DIR/submit_scripts/parsl.nodes-2.block-0.stderr
#SBATCH --nodes=2
#SBATCH --time=720
#SBATCH --ntasks-per-node=1
#SBATCH --no-requeue
#SBATCH --mem=0
#SBATCH --export=ALL
#SBATCH --exclusive
#SBATCH --partition=compute
#SBATCH --account=my-project


export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + 43200))
module purge
module load cpu slurm gcc
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


export JOBNAME="parsl.nodes-2.block-0"

process_worker_pool.py  --max_workers_per_node=1 -a ADDRESS -p 0 -c 1e-06 -m None --poll 10 --port=PORT --cert_dir RUN_DIR/certificates --logdir=RUN_DIR/nodes-2 --logconf=None --block_id=0 --hb_period=2  --hb_threshold=20 --drain_period=43140 --cpu-affinity none  --mpi-launcher=mpiexec --available-accelerators
