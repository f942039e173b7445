"""The wire protocol: messages, payloads, keys, the port file."""
