"""The engine process of a play session, and the handle by which a front end starts it, talks to it and outlives it."""
