// The two root file systems that Limen boots: the probe, and a busybox shell.
// Linux Documentation/driver-api/early-userspace/early_userspace_support.rst: the kernel opens /dev/console and runs
// /init.

extension Initramfs {
  /// One static program as PID 1 and nothing else, as the probe wants it.
  public static func running(_ program: [UInt8]) throws(Refusal) -> Initramfs {
    try Initramfs([
      .directory("dev"),
      .console,
      .file("init", permissions: 0o755, bytes: program),
    ])
  }

  /// A shell on the console with busybox's commands; leaving it powers the machine off.
  public static func shell(busybox: [UInt8]) throws(Refusal) -> Initramfs {
    let script = """
      #!/bin/busybox sh
      /bin/busybox --install -s /bin
      export PATH=/bin HOME=/ TERM=vt100
      mount -t proc proc /proc
      mount -t sysfs sysfs /sys
      mount -t devtmpfs devtmpfs /dev
      setsid cttyhack sh
      poweroff -f

      """
    return try Initramfs([
      .directory("bin"),
      .directory("dev"),
      .directory("proc"),
      .directory("sys"),
      .directory("tmp"),
      .console,
      .file("bin/busybox", permissions: 0o755, bytes: busybox),
      .file("init", permissions: 0o755, bytes: Array(script.utf8)),
    ])
  }
}

extension Initramfs.Entry {
  public static func directory(_ path: String, permissions: UInt32 = 0o755) -> Self {
    Self(path: path, mode: Initramfs.Kind.directory.rawValue | permissions)
  }

  public static func file(_ path: String, permissions: UInt32 = 0o644, bytes: [UInt8]) -> Self {
    Self(path: path, mode: Initramfs.Kind.regular.rawValue | permissions, bytes: bytes)
  }

  public static func symbolicLink(_ path: String, to target: String) -> Self {
    Self(path: path, mode: Initramfs.Kind.symbolicLink.rawValue | 0o777, bytes: Array(target.utf8))
  }

  /// The node that the kernel opens as standard input, output and error of PID 1; 5:1 in
  /// Documentation/admin-guide/devices.txt.
  public static let console = Self(
    path: "dev/console", mode: Initramfs.Kind.characterDevice.rawValue | 0o600,
    rdev: Initramfs.Device(major: 5, minor: 1))
}
