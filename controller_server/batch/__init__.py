"""Many clips: a folder in, a folder of results out, on one machine or on several that share the folder.

The ledger in the folder is the truth about what has ended; engines only carry clips out. Whatever is killed, the next
run goes on with what is missing.
"""
