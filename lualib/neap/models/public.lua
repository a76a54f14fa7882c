--- The table of neap.models, which the files of this folder put their functions into.
return {}
