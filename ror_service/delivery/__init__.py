"""The partner protocol: intents and recalls as rows, signed requests, verified receipts, retries."""
