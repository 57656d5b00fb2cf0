"""SSH access to a VM by the system's OpenSSH.

way_in   the address of a VM's SSH, the user, and the keys of user and VM
config   the same as a block of OpenSSH's configuration
hosts    these blocks as files below the state directory, and their inclusion in the user's configuration
openssh  the commands of OpenSSH, and the meaning of their exit codes
banner   a check whether a server answers
"""
