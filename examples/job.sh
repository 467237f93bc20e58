#!/bin/sh
# A job from the shell: open it, mark its phases, end it, and read what it used at the wall.
# usage: TRUEUP=http://service:8080 NODE=gpu-01 examples/job.sh COMMAND [ARGUMENTS]
# GPUS=0,1 names the GPUs that are its own, where other jobs may run on the node (needs nvidia-smi).
set -eu
TRUEUP=${TRUEUP:-http://127.0.0.1:8080}
NODE=${NODE:-$(hostname -s)}
post() { curl -fsS -H 'content-type: application/json' -d "$2" "$TRUEUP$1"; }

own=
if [ -n "${GPUS:-}" ]; then
  own=$(nvidia-smi --query-gpu=uuid --format=csv,noheader -i "$GPUS" | sed 's/.*/"nvml:&"/' | paste -sd, -)
  own=",\"chips\":[$own]"
fi
job=$(post /v1/jobs "{\"name\":\"$(basename "$1")\",\"nodes\":[\"$NODE\"]$own}" | sed 's/.*"job":"\([^"]*\)".*/\1/')
post "/v1/jobs/$job/marks" '{"mark":"main"}' >/dev/null
status=0
"$@" || status=$?
post "/v1/jobs/$job/end" '{}' >/dev/null
# The newest readings come within seconds.
sleep "${TRUEUP_WAIT_S:-6}"
curl -fsS "$TRUEUP/v1/jobs/$job"
echo
exit $status
