//! What a service may ask of the world: time, sleep, tasks, randomness; and how a connection is driven.
