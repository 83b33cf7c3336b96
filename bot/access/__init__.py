"""Who may do what: roles, people, sign-in, the audit log."""
