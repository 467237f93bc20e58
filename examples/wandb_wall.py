"""Wall power beside the loss in W&B: its OpenMetrics reader takes our /metrics as it is."""

import wandb

run = wandb.init(
    project="demo",
    settings=wandb.Settings(
        x_stats_open_metrics_endpoints={"wall": "http://127.0.0.1:8080/metrics"},
        x_stats_open_metrics_filters={"wall.trueup_node_.*": {"node": "gpu-01"}},
    ),
)
