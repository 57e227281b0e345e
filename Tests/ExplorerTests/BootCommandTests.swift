import Foundation
import Testing

/// Goal: `limen boot` hands a kernel the command line and the modules that the user named, by the protocol that its image
/// offers, and says what does not apply.
@Suite struct BootCommandTests {
  let folder: TemporaryFolder
  let limen: LimenProgram

  init() throws {
    folder = try TemporaryFolder()
    limen = LimenProgram(
      probe: try TinyKernel(in: folder.url, named: "probe.elf").path, cache: folder.url.path + "/cache")
  }

  /// Tests/Multiboot/View.S, which prints what it finds.
  private func view() throws -> String {
    let sources = Probe.root.appendingPathComponent("Tests/Multiboot").path
    let path = folder.url.appendingPathComponent("view.elf").path
    try run(
      "gcc",
      [
        "-m32", "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-T,\(sources)/image.ld",
        "-Wl,--no-warn-rwx-segments", "-o", path, "\(sources)/View.S",
      ])
    return path
  }

  private func file(_ name: String, _ text: String) throws -> String {
    let url = folder.url.appendingPathComponent(name)
    try Data(text.utf8).write(to: url)
    return url.path
  }

  /// Prints the command line that `hvm_start_info` points to, both behind the kernel in the third large page.
  private func linePrinter() throws -> String {
    let print =
      "movl $0x400083, directory + 16; movl 24(%rbx), %esi; 1: lodsb (%rsi), %al; testb %al, %al; jz 2f; movl $0x3f8, %edx; outb %al, %dx; jmp 1b; "
      + "2: xorl %eax, %eax; outl %eax, $0xf4"
    return try TinyKernel(["BOOT=\(print)"], in: folder.url, named: "line.elf").path
  }

  @Test func theWholeCommandLineIsTheUsers() throws {
    let kernel = try linePrinter()
    let standard = try limen("boot", kernel, "--memory", "16", "--append", "quiet x=\"y z\"")
    #expect(standard.status == 0 && standard.output == "console=ttyS0 nokaslr quiet x=\"y z\"", "\(standard)")
    for line in ["", "one", " one  two=\"3 4\" "] {
      let exact = try limen("boot", kernel, "--memory", "16", "--command-line", line)
      #expect(exact.status == 0 && exact.output == line, "\(exact)")
    }
    let both = try limen("boot", kernel, "--command-line", "a", "--append", "b")
    #expect(both.status == 2 && both.complaint.contains("--command-line is the whole line"), "\(both)")
  }

  /// How a kernel describes itself to Xen: by notes, or by the older string. Both leave p_paddr what the linker makes of it, the linked
  /// address (Xen public/elfnote.h, XEN_ELFNOTE_PADDR_OFFSET).
  enum Description: String, CaseIterable {
    case notes = """
      .section .note.Xen, "", @note
      .long 4, 8, 5
      .asciz "Xen", "xen-3.0"
      .long 4, 8, 8
      .asciz "Xen", "generic"
      .long 4, 8, 3
      .asciz "Xen"
      .quad 0xffffffff80000000
      .long 4, 8, 4
      .asciz "Xen"
      .quad 0xffffffff80000000
      """
    case string = """
      .section __xen_guest, ""
      .asciz "GUEST_OS=none,XEN_VER=xen-3.0,VIRT_BASE=0xffffffff80000000,LOADER=generic"
      """
  }

  /// A PV kernel that shuts its domain down: for good where its line begins as the test has it, else as crashed.
  @Test(arguments: Description.allCases) func aPVKernelHasItsLineAlone(description: Description) throws {
    let source = try file(
      "pv.S",
      """
        .text
        .globl start
      start:
        xorl %eax, %eax
        cmpl $0x63617865, 128(%rsi)  # start_info.cmd_line: "exac"
        je 1f
        movl $3, %eax                # SHUTDOWN_crash
      1: pushq %rax
        movq %rsp, %rsi
        movl $2, %edi                # SCHEDOP_shutdown
        movl $29, %eax
        syscall
        ud2
      \(description.rawValue)
      .section .note.GNU-stack, "", @progbits

      """)
    let script = try file(
      "pv.ld", "ENTRY(start) SECTIONS { . = 0xffffffff80000000; .text : { *(.text) } .note.Xen : { *(.note.Xen) } }")
    let kernel = folder.url.appendingPathComponent("pv.elf").path
    try run(
      "gcc",
      ["-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", "-Wl,-T,\(script)", "-Wl,--no-warn-rwx-segments"]
        + ["-o", kernel, source])
    let exact = try limen("boot", kernel, "--platform", "xen-pv", "--memory", "16", "--command-line", "exactly")
    #expect(exact.status == 0 && exact.complaint == "", "\(exact)")
    let standard = try limen("boot", kernel, "--platform", "xen-pv", "--memory", "16", "--append", "exactly")
    #expect(standard.status == 1 && standard.complaint.contains("SHUTDOWN_crash"), "\(standard)")
  }

  @Test func aMultibootKernelHasItsLineAndModules() throws {
    let kernel = try view()
    let initrd = try file("ramdisk", "DISK and more")
    let module = try file("server", "BOOT")
    let ended = try limen(
      "boot", kernel, "--memory", "16", "--append", "a b=c", "--initrd", initrd, "--module", "\(module) --words of it",
      "--module", module)
    #expect(ended.status == 0, "\(ended.complaint)")
    func values(_ name: String) -> [String] {
      ended.output.split(whereSeparator: \.isNewline).filter { $0.hasPrefix(name + ": ") }.map {
        String($0.dropFirst(name.count + 2))
      }
    }
    #expect(values("cmdline") == ["view.elf a b=c"])
    #expect(values("mods_count") == ["00000003"])
    #expect(values("module size") == ["0000000d", "00000004", "00000004"])
    #expect(values("module starts with") == ["4b534944", "544f4f42", "544f4f42"])
    #expect(values("module words") == ["initrd", "server --words of it", "server"])
    let exact = try limen("boot", kernel, "--memory", "16", "--command-line", "only this")
    #expect(
      exact.status == 0 && exact.output.contains("cmdline: only this\n")
        && exact.output.contains("mods_count: 00000000"))
  }

  @Test func whatDoesNotApplyIsSaid() throws {
    let kernel = try view()
    for verb in [["check"], ["trace", "--crossing", "syscall64"], ["diff", "--crossing", "syscall64"]] {
      let operands = verb[0] == "diff" ? [kernel, kernel] : [kernel]
      let ended = try limen.start([verb[0]] + operands + verb.dropFirst()).ended()
      // A verb with sections says it in each.
      let said = ended.output + ended.complaint
      #expect(ended.status == 3 && said.contains("only a multiboot header"), "\(ended)")
    }
    let pv = try limen("boot", kernel, "--platform", "xen-pv")
    #expect(pv.status == 3 && pv.complaint.contains("a 32-bit kernel"), "\(pv)")
    let module = try file("server", "BOOT")
    let linux = try limen("boot", try linePrinter(), "--module", module)
    #expect(linux.status == 3 && linux.complaint.contains("modules are handed to a multiboot kernel"), "\(linux)")
    let missing = try limen("boot", kernel, "--module", "/nonexistent words")
    #expect(missing.status == 2 && missing.complaint.contains("/nonexistent"), "\(missing)")
    let full = try limen(
      "boot", kernel, "--memory", "3", "--module", try file("big", String(repeating: "x", count: 1 << 20)))
    #expect(full.status == 2 && full.complaint.contains("module 1 of 1048576 bytes does not fit"), "\(full)")
    #expect(full.complaint.contains("view.elf: ") && full.complaint.contains("--memory gives it more"), "\(full)")
  }

  /// Bytes of the header and what is said of them: one line that names the file and the offset.
  @Test(arguments: [(52 + 12, "does not fit into"), (24, "byte 0x18: the entry 0x0 lies in no segment")])
  func hostileMultibootImages(field: Int, says: String) throws {
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: view())))
    bytes.replaceSubrange(field..<field + 4, with: field == 24 ? [0, 0, 0, 0] : [0, 0, 0, 0xF0])
    let path = folder.url.appendingPathComponent("hostile").path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let ended = try limen("boot", path)
    #expect(ended.status == 2 && ended.output.isEmpty && ended.complaint.hasPrefix("limen: \(path): "), "\(ended)")
    #expect(ended.complaint.contains(says) && ended.complaint.filter(\.isNewline).count == 1, "\(ended)")
  }
}
