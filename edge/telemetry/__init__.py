"""What operators see."""

from edge.telemetry.folder import keep_to_ours

keep_to_ours()  # before anything imports prometheus-client
