"""The way into a VM by the system's own OpenSSH.

way_in   where a VM's SSH answers, who logs in, and the keys of user and VM
config   the way in as a block of OpenSSH's configuration
hosts    those blocks as files below the state directory, and their inclusion in the user's own configuration
openssh  the commands of OpenSSH, and the meaning of their exit codes
banner   whether a server answers
"""
