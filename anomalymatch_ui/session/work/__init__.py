"""What a session learns: training cycles, their scores, and the rankings that both clocks give."""
