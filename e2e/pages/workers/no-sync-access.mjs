// As in browsers whose workers have no synchronous access to files.
delete FileSystemFileHandle.prototype.createSyncAccessHandle;
