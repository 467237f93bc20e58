#!/bin/sh
# A job from the shell: open it, mark its phases, end it, and read what it used at the wall.
# usage: TRUEUP=http://service:8080 NODE=gpu-01 examples/job.sh COMMAND [ARGUMENTS]
set -eu
TRUEUP=${TRUEUP:-http://127.0.0.1:8080}
NODE=${NODE:-$(hostname -s)}
post() { curl -fsS -H 'content-type: application/json' -d "$2" "$TRUEUP$1"; }

job=$(post /v1/jobs "{\"name\":\"$(basename "$1")\",\"nodes\":[\"$NODE\"]}" | sed 's/.*"job":"\([^"]*\)".*/\1/')
post "/v1/jobs/$job/marks" '{"mark":"main"}' >/dev/null
status=0
"$@" || status=$?
post "/v1/jobs/$job/end" '{}' >/dev/null
# The newest readings come within seconds.
sleep "${TRUEUP_WAIT_S:-6}"
curl -fsS "$TRUEUP/v1/jobs/$job"
echo
exit $status
