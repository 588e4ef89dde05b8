"""Who may: until policies exist there is one rule, the actor's unit holds the step."""
