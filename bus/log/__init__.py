"""The log: topics, writing, reading and group membership. The only room that knows aiokafka."""
