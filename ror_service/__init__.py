"""The service: takes samples in, interprets, reviews, releases, delivers, recalls. `pipeline` shows the main job."""
