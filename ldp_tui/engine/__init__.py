"""What happens in an episode: rollout, recording, replay. No screen, no model, no network."""
