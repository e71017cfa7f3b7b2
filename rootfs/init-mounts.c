// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file systems that a program expects, and the change to a disk as root.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static const struct {
	const char *type, *path, *options;
	unsigned long flags;
	bool must;		/* worth a line when it fails; others depend on the configuration */
} mounts[] = {
	{ "devtmpfs", "/dev", "mode=755", MS_NOSUID, true },
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
	{ "devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666", MS_NOSUID | MS_NOEXEC, false },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, true },
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, true },
	{ "tmpfs", "/run", "mode=755", MS_NOSUID | MS_NODEV, true },
	{ "cgroup2", "/sys/fs/cgroup", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
};

static bool on_disk;

void mounts__early(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].path, 0755);
		if (mount(mounts[i].type, mounts[i].path, mounts[i].type, mounts[i].flags,
			  mounts[i].options) < 0 &&
		    mounts[i].must && errno != EBUSY)
			init__say(errno, "%s can't be mounted on %s", mounts[i].type,
				  mounts[i].path);
	}
	/* They fail when the kernel or a disk has them already. */
	(void)!symlink("/proc/self/fd", "/dev/fd");
	(void)!symlink("/proc/self/fd/0", "/dev/stdin");
	(void)!symlink("/proc/self/fd/1", "/dev/stdout");
	(void)!symlink("/proc/self/fd/2", "/dev/stderr");
}

/* Read-write where the disk allows it, else read-only. */
static int mount_disk(const char *device, const char *type)
{
	if (!mount(device, "/mnt", type, 0, NULL))
		return 0;
	if (errno != EROFS && errno != EACCES)
		return -1;
	return mount(device, "/mnt", type, MS_RDONLY, NULL);
}

static bool mount_any(const char *device)
{
	int error = EINVAL;
	char line[128];
	FILE *types;

	if (!mount_disk(device, "ext4"))
		return true;
	types = fopen("/proc/filesystems", "re");
	while (types && fgets(line, sizeof(line), types)) {
		/* Types without a device begin with "nodev". */
		if (line[0] != '\t')
			continue;
		line[strcspn(line, "\n")] = '\0';
		if (!mount_disk(device, line + 1)) {
			fclose(types);
			return true;
		}
		if (errno != EINVAL)
			error = errno;
	}
	if (types)
		fclose(types);
	init__say(error, "%s holds no file system that this kernel can mount", device);
	return false;
}

static bool exists(const void *path)
{
	return !access(path, F_OK);
}

bool mounts__switch_root(const char *device)
{
	static const char *const moved[] = { "/dev", "/proc", "/sys", "/tmp", "/run" };
	char target[32];
	unsigned int i;

	if (!stdio__wait(exists, device, INIT_DEVICE_MS)) {
		init__say(0, "no %s after %d s: give the disk with --disk FILE", device,
			  INIT_DEVICE_MS / 1000);
		return false;
	}
	mkdir("/mnt", 0755);
	if (!mount_any(device))
		return false;

	for (i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		snprintf(target, sizeof(target), "/mnt%s", moved[i]);
		mkdir(target, 0755);
		if (mount(moved[i], target, NULL, MS_MOVE, NULL) < 0 && errno != EINVAL)
			init__say(errno, "%s is missing on %s", moved[i], device);
	}
	if (chdir("/mnt") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 ||
	    chdir("/") < 0) {
		init__say(errno, "%s can't become the root", device);
		return false;
	}
	on_disk = true;
	return true;
}

void mounts__finish(void)
{
	sync();
	/* Leaves the disk clean, so that the next mount has no journal to replay. */
	if (on_disk && mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0 && errno != EROFS)
		init__say(errno, "the root disk stays writable until the end");
}
