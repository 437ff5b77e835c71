"""`lateen why`: what an application waits for, traced down to the event of a pod."""
