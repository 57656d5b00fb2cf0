"""The way into a VM by the system's own OpenSSH.

way_in   where a VM's SSH answers, who logs in, and by which keys the two know each other
config   what OpenSSH is told of that, as a block of its configuration
hosts    those blocks as files below the state directory, and the user's own configuration that may include them
openssh  the commands of OpenSSH, and what their exit codes mean
banner   whether a server answers
"""
