import Foundation
import KernelImage
import Testing

/// Goal: Debian's kernels are read as their own linker and their own System.map say. The tests need the machine's network once;
/// `./dev kernels` keeps what it fetched.
///
/// Oracles: the image's section headers, notes and table of exported symbols, written by the linker, against names decoded from kallsyms;
/// the instructions that the Intel SDM gives for SYSCALL's exit; for the package versions listed, the System.map of Debian's -dbg package;
/// and, where that package was fetched, every symbol of its vmlinux.
@Suite(.serialized) struct RealKernelTests {
  /// The two that every check runs on are fetched; the others are compared when somebody has fetched them.
  static let always = ["debian-6.1-cloud", "debian-6.1"]
  static let sometimes = ["5.10", "6.1-rt", "6.12", "6.12-rt", "6.19", "7.0", "7.1", "7.2", "7.3"].flatMap { series in
    series.hasSuffix("-rt") ? ["debian-\(series)"] : ["debian-\(series)-cloud", "debian-\(series)"]
  }

  static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

  static func path(_ name: String) throws -> String {
    let answer = try KernelsCommandTests.kernels([name])
    try #require(answer.status == 0, "./dev kernels \(name) failed")
    return answer.output.trimmingCharacters(in: .newlines)
  }

  static func isCached(_ name: String) -> Bool {
    let environment = ProcessInfo.processInfo.environment
    let caches = environment["XDG_CACHE_HOME"] ?? (environment["HOME"] ?? "") + "/.cache"
    let directory = (environment["LIMEN_CACHE"] ?? caches + "/limen") + "/kernels/" + name
    return (try? FileManager.default.contentsOfDirectory(atPath: directory))?.isEmpty == false
  }

  /// A section's start and the symbol that the linker script puts there (arch/x86/kernel/vmlinux.lds.S).
  static let sectionStarts: [(section: String, symbol: String)] = [
    (".text", "_text"), (".data", "_sdata"), (".bss", "__bss_start"), ("__ex_table", "__start___ex_table"),
    (".altinstructions", "__alt_instructions"), (".smp_locks", "__smp_locks"), (".init.text", "_sinittext"),
    (".rodata", "__start_rodata"), (".notes", "__start_notes"), ("__bug_table", "__start___bug_table"),
  ]

  /// Debian names the file by what `uname -r` prints.
  @Test(arguments: always + sometimes.filter(isCached))
  func theReleaseIsTheFilesName(name: String) throws {
    let path = try Self.path(name)
    #expect(
      try "vmlinuz-" + #require(try KernelImage(contentsOf: path).release) == URL(filePath: path).lastPathComponent)
  }

  @Test(arguments: always + sometimes.filter(isCached))
  func namesAgreeWithTheLinker(name: String) throws {
    let image = try KernelImage(contentsOf: Self.path(name))
    #expect(image.symbols.count > 80_000)
    for (section, symbol) in Self.sectionStarts {
      // Only .smp_locks comes and goes.
      guard let header = image.elf?.section(named: section) else {
        #expect(section == ".smp_locks", "\(name) has no section \(section)")
        continue
      }
      #expect(image.symbols.lookup(symbol) == header.address, "\(name): \(symbol)")
    }
    // Per-CPU variables are offsets into the section, to 6.14 linked at 0, and end with it.
    let perCPU = try #require(image.elf?.section(named: ".data..percpu"))
    #expect(image.symbols.symbol(named: "__per_cpu_start")?.address == perCPU.address)
    #expect(image.symbols.symbol(named: "__per_cpu_end")?.address == perCPU.address + perCPU.size)
    #expect(image.symbols.symbolize(0x1000) == nil)

    let entry = try #require(image.pvhEntry)
    let pvhStart = try #require(image.symbols.lookup("pvh_start_xen"))
    #expect(image.virtualAddress(physical: UInt64(entry)) == pvhStart)
    let xenEntry = try #require(image.notes.first { $0.xenName == "ENTRY" })
    let startupXen = image.symbols.lookup("startup_xen")
    #expect(startupXen == xenEntry.descriptor.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
  }

  @Test(arguments: always + sometimes.filter(isCached))
  func theEntryCodeIsWhereItsNamesSay(name: String) throws {
    let image = try KernelImage(contentsOf: Self.path(name))
    let entry = try #require(image.symbols.lookup("entry_SYSCALL_64"))
    let start = try #require(image.contents(virtualAddress: entry, count: 7)).map { $0 }
    // swapgs, behind endbr64 where the kernel is built with IBT. In 5.10 it is a paravirt site of the same bytes.
    let endbranch: [UInt8] = [0xf3, 0x0f, 0x1e, 0xfa]
    let first = start.starts(with: endbranch) ? start[4..<7] : start[0..<3]
    #expect(Array(first) == [0x0f, 0x01, 0xf8], "\(name): entry_SYSCALL_64 begins with \(start)")
    #expect(image.symbols.symbolize(entry + 9)?.description == "entry_SYSCALL_64+0x9")
    // The kernel's own end of the gap stands right behind sysretq.
    if let end = image.symbols.lookup("entry_SYSRETQ_end") {
      #expect(image.contents(virtualAddress: end - 3, count: 3).map(Array.init) == [0x48, 0x0f, 0x07])
    }
  }

  /// From `System.map-*` of the -dbg package of the same versions, by the images' digests. The count leaves out the names that
  /// scripts/kallsyms.c leaves out itself.
  struct SystemMap: Sendable {
    var name: String
    /// Of versions of which it is true: a patch often moves nothing.
    var digests: [String]
    var count: Int
    var addresses: [String: UInt64]
  }

  static let systemMaps = [
    SystemMap(
      name: "debian-6.1-cloud",
      // 6.1.0-56 and 6.1.0-57
      digests: [
        "6aa38b0cef36a423251ee101cf94967dbd604cfd8f56f0c5f767be8d903f6d86",
        "fe69a84e207e2ff5e842d5d27aba1481b4c026fe35b9f9452b11adada17d0002",
      ],
      count: 87347,
      addresses: [
        "entry_SYSCALL_64": 0xffff_ffff_81c0_0080,
        "entry_SYSCALL_64_safe_stack": 0xffff_ffff_81c0_00a9,
        "entry_SYSCALL_64_after_hwframe": 0xffff_ffff_81c0_00b8,
        "entry_SYSRETQ_unsafe_stack": 0xffff_ffff_81c0_021b,
        "entry_SYSRETQ_end": 0xffff_ffff_81c0_022a,
        "asm_exc_nmi": 0xffff_ffff_81c0_1510,
        "entry_SYSENTER_compat": 0xffff_ffff_81c0_17b0,
        "entry_SYSCALL_compat": 0xffff_ffff_81c0_1870,
        "pvh_start_xen": 0xffff_ffff_8100_0850,
        "xen_entry_SYSCALL_64": 0xffff_ffff_8102_6170,
        "idt_table": 0xffff_ffff_832b_4000,
        "init_task": 0xffff_ffff_82a1_aa40,
        "cpu_tss_rw": 0x6000,
        "linux_banner": 0xffff_ffff_8211_ffe0,
        "_end": 0xffff_ffff_8383_0000,
      ]),
    SystemMap(
      name: "debian-6.12-cloud",
      digests: ["391d229a7c641821b7414d001c090043d977e11daf865362d36ea832ccf0dd69"],
      count: 154686,
      addresses: [
        "entry_SYSCALL_64": 0xffff_ffff_81e0_0080,
        "entry_SYSCALL_64_safe_stack": 0xffff_ffff_81e0_00ab,
        "entry_SYSCALL_64_after_hwframe": 0xffff_ffff_81e0_00b9,
        "entry_SYSRETQ_unsafe_stack": 0xffff_ffff_81e0_01be,
        "entry_SYSRETQ_end": 0xffff_ffff_81e0_01cb,
        "asm_exc_nmi": 0xffff_ffff_81e0_1d30,
        "entry_SYSENTER_compat": 0xffff_ffff_81e0_1ff0,
        "entry_SYSCALL_compat": 0xffff_ffff_81e0_20b0,
        "pvh_start_xen": 0xffff_ffff_8100_0a30,
        "xen_entry_SYSCALL_64": 0xffff_ffff_8103_2230,
        "idt_table": 0xffff_ffff_836d_9000,
        "init_task": 0xffff_ffff_82c1_0940,
        "cpu_tss_rw": 0x6000,
        "linux_banner": 0xffff_ffff_8215_29e0,
        "_end": 0xffff_ffff_83c3_0000,
      ]),
  ]

  private struct Place: Hashable, CustomStringConvertible {
    var name: String
    var address: UInt64
    var description: String { "\(String(address, radix: 16)) \(name)" }
  }

  private func places(_ table: SymbolTable) -> [Place] {
    (Array(table.symbols) + table.absoluteSymbols).map { Place(name: $0.name, address: $0.address) }
  }

  /// The whole table, in kernels whose vmlinux was fetched too: every name that the image has is the linker's, at its address, and none of
  /// the linker's functions is missing. (scripts/mksysmap leaves out some data: __kstrtab_*, __crc_*, kallsyms' own.)
  @Test(arguments: (always + sometimes).filter { isCached($0) && isCached($0 + "-dbg") })
  func everySymbolIsTheLinkers(name: String) throws {
    let image = try KernelImage(contentsOf: Self.path(name))
    var linked = image
    try linked.takeSymbols(contentsOf: Self.path(name + "-dbg"))
    let own = places(image.symbols)
    let known = Set(places(linked.symbols))
    #expect(own.count == image.symbols.count && own.count > 80_000)
    #expect(own.filter { !known.contains($0) }.isEmpty)
    let named = Set(own)
    let functions = linked.symbols.symbols.filter { "tT".contains($0.type) }
    #expect(functions.count > 30_000)
    #expect(functions.map { Place(name: $0.name, address: $0.address) }.filter { !named.contains($0) }.isEmpty)
  }

  /// Of a version that is not listed the test says, in a warning, that there is nothing to compare it with: Debian moves on, and
  /// `exportedNamesAreTheLinkers` needs no list.
  @Test(arguments: systemMaps.filter { always.contains($0.name) || isCached($0.name) })
  func addressesAgreeWithSystemMap(map: SystemMap) throws {
    let image = try KernelImage(contentsOf: Self.path(map.name))
    guard map.digests.contains(image.digest) else {
      Issue.record("no System.map of this \(map.name) is listed, SHA-256 \(image.digest)", severity: .warning)
      return
    }
    #expect(image.symbols.count == map.count)
    for (name, address) in map.addresses.sorted(by: { $0.key < $1.key }) {
      #expect(image.symbols.lookup(name) == address, "\(name)")
    }
  }

  /// What the kernel exports to modules has its name and address in tables of its own, which kallsyms knows nothing of: include/linux/export.h
  /// and kernel/module, `struct kernel_symbol`, three offsets of 4 bytes from where each lies, to the value, the name and a namespace.
  @Test(arguments: always + sometimes.filter(isCached))
  func exportedNamesAreTheLinkers(name: String) throws {
    let image = try KernelImage(contentsOf: Self.path(name))
    let elf = try #require(image.elf)
    let known = Set(places(image.symbols))
    var count = 0
    var wrong: [String] = []
    // From 7.1 on the first holds all of them.
    for section in ["__ksymtab", "__ksymtab_gpl"].compactMap(elf.section) {
      let contents = image.contents(virtualAddress: section.address, count: Int(section.size))
      let bytes = Array(try #require(contents))
      for entry in stride(from: 0, to: bytes.count, by: 12) {
        func target(_ at: Int) -> UInt64 {
          let offset = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
          return section.address &+ UInt64(at) &+ UInt64(bitPattern: Int64(Int32(bitPattern: offset)))
        }
        let exported = text(image, target(entry + 4)) ?? "?"
        count += 1
        if !known.contains(Place(name: exported, address: target(entry))) { wrong.append(exported) }
      }
    }
    #expect(count > 5_000 && wrong.isEmpty, "\(name): \(count) names, wrong are \(wrong.prefix(5))")
  }

  private func text(_ image: KernelImage, _ address: UInt64) -> String? {
    var bytes: [UInt8] = []
    while let byte = image.contents(virtualAddress: address + UInt64(bytes.count), count: 1)?.first, bytes.count < 512 {
      if byte == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(byte)
    }
    return nil
  }
}
