// Plays a file system that lacks calls (CIFS before Linux 4.17, VirtualBox, some FUSE) or fails in them, below $SHIM_ROOT:
// fsync of a folder fails with the number $SHIM_FOLDER, of a file with $SHIM_FILE, link with $SHIM_LINK.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fails(const char *path, const char *variable) {
  const char *root = getenv("SHIM_ROOT"), *number = getenv(variable);
  if (!root || !number || strncmp(path, root, strlen(root))) return 0;
  errno = atoi(number);
  return 1;
}

static int sync_fails(int fd) {
  char link[64], path[4096];
  struct stat found;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0 || fstat(fd, &found)) return 0;
  path[length] = 0;
  return fails(path, S_ISDIR(found.st_mode) ? "SHIM_FOLDER" : "SHIM_FILE");
}

int fsync(int fd) {
  if (sync_fails(fd)) return -1;
  return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int link(const char *from, const char *to) {
  if (fails(from, "SHIM_LINK")) return -1;
  return ((int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link"))(from, to);
}
