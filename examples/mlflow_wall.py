"""What a run used at the wall, as metrics of MLflow."""

import mlflow
from trueup_job import TrueupJob

with mlflow.start_run():
    with TrueupJob("train", ["gpu-01"]) as job:
        job.mark("epoch")
        ...  # train
    used = job.result()
    wanted = ("wall_energy_kwh", "u_kwh", "j_per_token", "duration_s")
    mlflow.log_metrics({f"trueup/{key}": used[key] for key in wanted if key in used})
    mlflow.set_tag("trueup/quality", used["quality"])
