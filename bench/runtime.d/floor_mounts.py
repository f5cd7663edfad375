"""A configuration's namespaces and mounts as the C table that floor.c includes: what every runtime has to do for it."""
import json
import os

NAMESPACES = {"pid": "CLONE_NEWPID", "network": "CLONE_NEWNET", "ipc": "CLONE_NEWIPC", "uts": "CLONE_NEWUTS",
              "mount": "CLONE_NEWNS", "cgroup": "CLONE_NEWCGROUP"}
FLAGS = {"nosuid": "MS_NOSUID", "noexec": "MS_NOEXEC", "nodev": "MS_NODEV", "ro": "MS_RDONLY",
         "strictatime": "MS_STRICTATIME", "relatime": "MS_RELATIME", "bind": "MS_BIND", "rbind": "MS_BIND | MS_REC"}
PROPAGATION = ("private", "rprivate", "slave", "rslave", "shared", "rshared", "unbindable", "runbindable")


def join_flags(options):
    return " | ".join(FLAGS[word] for word in options if word in FLAGS) or "0"


def call(source, target, kind, flags, options="", in_dev=False):
    words = [json.dumps(source), json.dumps(target.lstrip("/")), json.dumps(kind), flags,
             json.dumps(options) if options else "NULL", "1" if in_dev else "0"]
    return "    {" + ", ".join(words) + "},\n"


def mount_calls(mount):
    options = mount.get("options", [])
    target = mount["destination"]
    in_dev = target.startswith("/dev/")
    flags = join_flags(options)
    if "MS_BIND" not in flags:
        kind = "cgroup2" if mount["type"] == "cgroup" else mount["type"]
        data = ",".join(word for word in options if word not in FLAGS and word not in PROPAGATION)
        return call(mount["source"], target, kind, flags, data, in_dev)
    made = call(mount["source"], target, "none", "MS_BIND", in_dev=in_dev)
    if flags != "MS_BIND":  # a bind takes its attributes in a second call
        made += call("none", target, "none", flags + " | MS_REMOUNT")
    return made


def path_calls(linux):
    """Masked and read-only paths are mounts, too. Those that this host has: the files of /proc and /sys are its own."""
    made = ""
    for path in filter(os.path.exists, linux.get("readonlyPaths", [])):
        made += call(path.lstrip("/"), path, "none", "MS_BIND | MS_REC")
        made += call("none", path, "none", "MS_BIND | MS_REMOUNT | MS_RDONLY")
    for path in filter(os.path.exists, linux.get("maskedPaths", [])):
        if os.path.isdir(path):
            made += call("tmpfs", path, "tmpfs", "MS_RDONLY", "nr_inodes=1")
        else:
            made += call("/dev/null", path, "none", "MS_BIND")
    return made


def write(config, path):
    linux = config["linux"]
    flags = " | ".join(NAMESPACES[entry["type"]] for entry in linux["namespaces"])
    with open(path, "w") as file:
        file.write(f"static const uint64_t namespace_flags = {flags};\n"
                   "static const struct mount_call mount_calls[] = {\n")
        file.write("".join(mount_calls(mount) for mount in config["mounts"]) + path_calls(linux) + "};\n")
