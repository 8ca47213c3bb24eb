"""Programs that the service is measured against: the same routes on the same rows, in other ways.

They are processes of their own and import nothing of ours. Their dependencies are those of the group `bench`.
"""
