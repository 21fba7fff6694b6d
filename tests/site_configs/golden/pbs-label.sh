# qsub  -A my-project RUN_DIR/submit_scripts/parsl.nodes-2.block-0
# units: 1 at a time, of 2 ranks: mpiexec -n 2 --ppn 1
#!/bin/bash

#PBS -S /bin/bash
#PBS -N parsl.nodes-2.block-0
#PBS -m n
#PBS -l walltime=01:00:00
#PBS -l select=2:ncpus=1
#PBS -o RUN_DIR/submit_scripts/parsl.nodes-2.block-0.stdout
#PBS -e RUN_DIR/submit_scripts/parsl.nodes-2.block-0.stderr
#PBS -r n

export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + 3600))
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

process_worker_pool.py  --max_workers_per_node=1 -a ADDRESS -p 0 -c 1e-06 -m None --poll 10 --port=PORT --cert_dir RUN_DIR/certificates --logdir=RUN_DIR/nodes-2 --logconf=None --block_id=0 --hb_period=2  --hb_threshold=20 --drain_period=3540 --cpu-affinity none  --mpi-launcher=mpiexec --available-accelerators
