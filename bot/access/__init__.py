"""Access: roles, people, sign-in, the audit log."""
