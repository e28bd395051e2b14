"""A synthetic programme for demonstrations and tests: people, genomes, actors, and a delivery partner with faults."""
