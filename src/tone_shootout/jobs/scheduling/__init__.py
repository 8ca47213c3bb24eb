"""Which job runs next, where and when: scheduler, dispatcher, queue, retry policy, ETA."""
