"""What one does around a deployment: `python -m operations preflight -c stage=prod`."""
