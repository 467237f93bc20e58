"""What a block of Python used at the wall: `with TrueupJob("train", ["gpu-01"]) as job: ... job.mark("epoch")`."""

import json
import os
import time
import urllib.request


class TrueupJob:
    # chips: those that are the job's own ("nvml:GPU-<uuid>"), where other jobs may run on the node
    def __init__(self, name, nodes, chips=(), url=os.environ.get("TRUEUP", "http://127.0.0.1:8080")):
        self.asked = {"name": name, "nodes": nodes, **({"chips": list(chips)} if chips else {})}
        self.url, self.counts = url, {}

    def _ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def __enter__(self):
        self.job = self._ask("/v1/jobs", self.asked)["job"]
        return self

    def mark(self, mark, **counts):  # counts: tokens=..., inferences=...
        self._ask(f"/v1/jobs/{self.job}/marks", {"mark": mark, **counts})

    def __exit__(self, *_):
        self._ask(f"/v1/jobs/{self.job}/end", self.counts)

    def result(self, wait_s=6):  # the newest readings come within seconds
        time.sleep(wait_s)
        return self._ask(f"/v1/jobs/{self.job}")
