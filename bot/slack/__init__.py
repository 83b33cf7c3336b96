"""Slack app: events, dispatch, forms and the home tab."""
