"""Celery: the relay sends job ids from the outbox to the broker, workers run the steps of the pipeline."""
