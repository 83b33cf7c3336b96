"""The Slack app: events in, dispatch, forms and the home tab."""
