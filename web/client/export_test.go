package client

// Kept tells how many answers and questions on their way are in memory.
func (c *Client) Kept() int {
	c.answers.mu.Lock()
	defer c.answers.mu.Unlock()
	return len(c.answers.flights)
}
