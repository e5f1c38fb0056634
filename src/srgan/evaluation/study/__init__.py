"""The mean-opinion-score test: a questionnaire for people, and what their ratings tell."""
