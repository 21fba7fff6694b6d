# sbatch RUN_DIR/submit_scripts/parsl.parts-32.block-0
# units: 32 at a time, of 32 ranks: srun --exact --mem=0 --nodes 1 --nodelist {host} --ntasks 32 --ntasks-per-node 32 --cpus-per-task 2
#!/bin/bash

#SBATCH --job-name=parsl.parts-32.block-0
#SBATCH --output=RUN_DIR/submit_scripts/parsl.parts-32.block-0.stdout
#SBATCH --error=RUN_DIR/submit_scripts/parsl.parts-32.block-0.stderr
#SBATCH --nodes=8
#SBATCH --time=240
#SBATCH --ntasks-per-node=1
#SBATCH --no-requeue
#SBATCH --exclusive
#SBATCH --account=my-project
#SBATCH --qos=regular
#SBATCH --constraint=cpu


export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + 14400))
module load python
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


export JOBNAME="parsl.parts-32.block-0"

srun --overlap --cpu-bind=none --nodes 8 --ntasks 8 --ntasks-per-node 1 process_worker_pool.py  --max_workers_per_node=4 -a ADDRESS -p 0 -c 1e-06 -m None --poll 10 --port=PORT --cert_dir RUN_DIR/certificates --logdir=RUN_DIR/parts-32 --logconf=None --block_id=0 --hb_period=2  --hb_threshold=20 --drain_period=14340 --cpu-affinity none  --mpi-launcher=mpiexec --available-accelerators
