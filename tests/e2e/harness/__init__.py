"""What the end-to-end tests are made of: the gateway as a process, peers whose every byte is scripted, real peers from
Debian, load with a count of what failed. Each test has its own ports and folders; what is started is stopped by pid."""
