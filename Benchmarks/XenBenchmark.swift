/// The same kernel as a guest of Xen: in Limen, where Xen is a part of the machine, and as domain 0 of Debian's Xen, in Limen and under QEMU TCG.
///
/// The boot is that of Debian's full kernel, since the cloud kernel does not run as domain 0.

/// `xen` is the hypervisor's image, `full` the kernel that can be domain 0.
func xenBoots(xen: String, full: String) throws {
  let line = "panic=-1 quiet"
  heading("boot to the end of the probe as a Xen PV guest")
  func limenBoot(_ image: String, _ platform: String) throws -> Child {
    try Child.best(
      of: 2,
      [
        limen, "boot", image, "--platform", platform, "--initrd", probe, "--append", line, "--memory", "512", "--count",
      ])
  }
  for (name, image) in [("cloud kernel", kernel), ("full kernel", full)] {
    let bare = try limenBoot(image, "bare-metal")
    let guest = try limenBoot(image, "xen-pv")
    for (platform, run) in [("bare metal", bare), ("Xen PV", guest)] {
      try mustReachTheEnd(run)
      row("Limen, \(name), \(platform),\(retired(run))", seconds(run.seconds), seconds(run.processorSeconds))
    }
    row(
      "Xen PV / bare metal", number(guest.seconds / bare.seconds, 2),
      number(guest.processorSeconds / bare.processorSeconds, 2), target: "at most 1.5")
    guard image == full else { continue }
    let real = try Child.run([
      "qemu-system-x86_64", "-accel", "tcg", "-cpu", "qemu64,vendor=GenuineIntel,-svm", "-m", "1024", "-nodefaults",
      "-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot", "-kernel", xen, "-append",
      "console=com1 com1=115200,8n1 dom0_mem=512M dom0_max_vcpus=1 watchdog=0 xpti=no noreboot", "-initrd",
      "\(full) console=hvc0 nokaslr \(line),\(probe)",
    ])
    try mustReachTheEnd(real)
    row("Xen under QEMU TCG, \(name) as domain 0", seconds(real.seconds), seconds(real.processorSeconds))
    row(
      "Limen / Xen under QEMU", number(guest.seconds / real.seconds, 2),
      number(guest.processorSeconds / real.processorSeconds, 2))
    // Half of the memory is the domain's, as above.
    let below = try Child.run([
      limen, "boot", image, "--platform", "xen", "--hypervisor", xen, "--initrd", probe, "--append", line, "--memory",
      "1024", "--count",
    ])
    try mustReachTheEnd(below)
    row(
      "Debian's Xen in Limen, \(name) as domain 0,\(retired(below))", seconds(below.seconds),
      seconds(below.processorSeconds))
    row(
      "Debian's Xen in Limen / under QEMU", number(below.seconds / real.seconds, 2),
      number(below.processorSeconds / real.processorSeconds, 2), target: "at most 1.0")
  }
}

/// What a trial costs through the hypervisor's own bytes, against the model: SYSCALL of the full kernel, every event, from a stored boot. What a
/// start takes is measured with a crossing that the processor does not have, and taken off.
func xenTrials(xen: String, full: String) throws {
  heading("a trial of SYSCALL64, normal posture, every event, amd, one thread, without the start")
  func cost(_ title: String, _ platform: [String]) throws -> (wall: Double, processor: Double) {
    func check(_ crossing: String) throws -> Child {
      try Child.run(
        [
          "env", "LIMEN_CACHE=\(folder.path)", limen, "check", full, "--crossing", crossing, "--profile", "amd", "-j",
          "1", "--witnesses", folder.appending(path: "witnesses").path,
        ] + platform, accepted: [0, 1, 4, 5])
    }
    _ = try check("sysenter")
    let (start, whole) = (try check("sysenter"), try check("syscall64"))
    guard let count = trials(whole).split(separator: " ").first.flatMap({ Double($0) }), count > 0 else {
      throw Child.Failure(description: "a check counted no trials:\n\(whole.output.suffix(2000))")
    }
    let each = ((whole.seconds - start.seconds) / count, (whole.processorSeconds - start.processorSeconds) / count)
    row("\(title),\(trials(whole))", "\(number(each.0 * 1e6, 0)) µs", "\(number(each.1 * 1e6, 0)) µs")
    return each
  }
  let model = try cost("xen-pv", ["--platform", "xen-pv"])
  let original = try cost("xen", ["--platform", "xen", "--hypervisor", xen])
  row(
    "xen / xen-pv", number(original.wall / model.wall, 2), number(original.processor / model.processor, 2),
    target: "at most 5")
}

private func mustReachTheEnd(_ run: Child) throws {
  guard run.output.contains("limen-probe done") else {
    throw Child.Failure(description: "a boot did not reach the end of the probe:\n\(run.output.suffix(2000))")
  }
}

/// How many instructions `limen boot --count` counted.
private func retired(_ run: Child) -> String {
  for line in run.output.split(whereSeparator: \.isNewline).reversed() {
    let words = line.split(separator: " ")
    if words.count > 1, words[1] == "instructions,", let count = Double(words[0]) {
      return " \(number(count / 1e6, 0)) M instructions"
    }
  }
  return ""
}
