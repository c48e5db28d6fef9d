#!/bin/sh
# part.sh: one machine's part of a sweep: which part, of how many, it reads from its scheduler.
#   sh docs/spread/part.sh DIR CHECK-ARGUMENTS...
# writes DIR/part-I.json, which `sexton merge DIR/part-*.json` adds up. Its exit is that of `sexton check`.
#
# Slurm (sbatch --array=1-N, step 1): SLURM_ARRAY_TASK_ID counts from SLURM_ARRAY_TASK_MIN; SLURM_ARRAY_TASK_COUNT is N.
# Kubernetes (completionMode: Indexed): JOB_COMPLETION_INDEX counts from 0; PARTS is the Job's `completions`, and has to be
# given. GNU parallel, or a person: PART and PARTS.
set -eu
dir=${1:?where the parts go}
shift
if [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    part=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))
    parts=$SLURM_ARRAY_TASK_COUNT
elif [ -n "${JOB_COMPLETION_INDEX:-}" ]; then
    part=$((JOB_COMPLETION_INDEX + 1))
    parts=${PARTS:?the completions of the Job}
else
    part=${PART:?SLURM_ARRAY_TASK_ID, JOB_COMPLETION_INDEX or PART}
    parts=${PARTS:?how many parts}
fi
mkdir -p "$dir"
exec "${SEXTON:-build/sexton}" check "$@" --part "$part/$parts" --json "$dir/part-$part.json"
