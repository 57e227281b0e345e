import Foundation
import Testing

/// Goal: one image of the reference kernel says the same wherever it runs: in Limen on bare metal and as a Xen PV guest, and
/// outside it, in QEMU and as the dom0 kernel of real Xen. The oracles are the latter two. Where the platforms differ by
/// what they are, the difference is listed here with its reason.
@Suite(.serialized) struct FourPlacesTests {
  static let designs: [String] = {
    let list = Probe.root.appendingPathComponent(".build-reference/designs.txt")
    return ((try? String(contentsOf: list, encoding: .utf8)) ?? "").split(whereSeparator: \.isNewline)
      .map { String($0).replacing(":", with: ".") }
  }()

  /// The designs in turn on the one vendor's processor and the other's; with `LIMEN_FOUR_PLACES=all` each on both (Documentation/Oracles.md).
  static let machines: [(design: String, profile: String)] = {
    let all = ProcessInfo.processInfo.environment["LIMEN_FOUR_PLACES"] == "all"
    return designs.enumerated().flatMap { index, design in
      ["amd", "intel"].enumerated().filter { all || $0.offset == index % 2 }.map { (design, $0.element) }
    }
  }()

  @Test func thereAreDesigns() { #expect(Self.designs.count >= 11, "./dev build makes them") }

  @Test(arguments: machines)
  func limenSaysWhatTheOthersSay(name: String, profile: String) throws {
    let design = try Design(name)
    let (qemu, xen) = (try Place.qemu.log(design, profile: profile), try Self.undisturbedXen(design, profile))
    try Self.expectWhole(qemu)
    try Self.expectWhole(xen)
    let native = Self.differences(try Place.limenOnBareMetal.log(design, profile: profile), qemu)
    #expect(native == [])
    let paravirtual = Self.differences(try Place.limenOnXen.log(design, profile: profile), xen)
    #expect(paravirtual == [])
  }

  /// Xen looks for its forced-emulation prefix, five bytes, wherever a guest's #UD is, and hands the guest the page fault that it
  /// meets behind the last page (emulate_forced_invalid_op, xen/arch/x86/pv/emul-inv-op.c).
  static let lastBytes = "ud/code-top DIFFERS: signal 0xb want 0x4; SIGSEGV"

  /// Xen's bounce clears TF, NT and AC in RFLAGS, where the code of 2015 reads them, as native code does; it has thrown away the
  /// frame that holds them (create_bounce_frame and sysenter_entry, xen/arch/x86/x86_64/entry.S).
  static let lostFlags = [
    "sysenter/flags-tf DIFFERS: single steps 0x0 want 0x1",
    "sysenter/flags-nt DIFFERS: rflags=0x246 want 0x4246",
    "sysenter/flags-ac DIFFERS: rflags=0x246 want 0x40246",
    "sysenter/flags-all DIFFERS: single steps 0x0 want 0x1; rflags=0x646 want 0x44646",
  ]

  @Test(arguments: ["amd", "intel"])
  func completeDiffersByWhatXenIs(profile: String) throws {
    #expect(try Self.onlyUnderXen(Design("complete"), profile) == [Self.lastBytes])
  }

  /// An iret with VGCF_in_syscall leaves by SYSRET, with the selectors of Xen's own STAR (xen/include/public/arch-x86/xen.h).
  @Test(arguments: ["amd", "intel"])
  func theDesignOf2015ShowsXensSelectors(profile: String) throws {
    let differences = try Self.onlyUnderXen(Design("2015"), profile)
    let systemCalls = differences.filter { $0.hasPrefix("syscall64/") }
    #expect(systemCalls.count == 16)
    for line in systemCalls {
      let isFault = line.hasPrefix("syscall64/code-top ")
      let place = isFault ? "frame " : ""
      let found = "DIFFERS: \(place)cs=0xe033 want 0x33; \(place)ss=0xe02b want 0x2b" + (isFault ? "; SIGSEGV" : "")
      #expect(line.split(separator: " ", maxSplits: 1).last.map(String.init) == found)
    }
    let others = differences.filter { !$0.hasPrefix("syscall64/") }
    // Its rt_sigreturn leaves the same way where RCX and R11 are RIP and RFLAGS.
    let returned = "sigreturn/return-sysret DIFFERS: cs=0xe033 want 0x33; ss=0xe02b want 0x2b"
    #expect(others == (profile == "intel" ? Self.lostFlags : []) + [Self.lastBytes, returned])
  }

  /// Real Xen's log of a boot in which no tick fell due just before an iret with VGCF_in_syscall. Such an iret leaves the
  /// hypercall's own RCX and R11 in the registers, as SYSRET would overwrite them (do_iret, xen/arch/x86/pv/iret.c); but an upcall
  /// that is pending then is pushed first, with them in its frame, and the kernel's next iret hands them to the user. When the
  /// tick comes is QEMU's: in a few boots of a hundred it is there.
  static func undisturbedXen(_ design: Design, _ profile: String) throws -> [String] {
    var log: [String] = []
    for _ in 0..<4 {
      log = try Place.realXen.log(design, profile: profile)
      let sign = #/^(?:syscall64|sigreturn)/.* DIFFERS: rcx=ADDRESS want ADDRESS; r11=0x[0-9a-f]+ want /#
      if !log.contains(where: { $0.contains(sign) }) { break }
    }
    return log
  }

  static func differences(_ ours: [String], _ theirs: [String]) -> [String] {
    theirs.difference(from: ours).map { change in
      switch change {
      case .insert(_, let line, _): "not in Limen: \(line)"
      case .remove(_, let line, _): "only in Limen: \(line)"
      }
    }
  }

  /// The verdicts of real Xen that QEMU without it does not give, as Xen gives them.
  static func onlyUnderXen(_ design: Design, _ profile: String) throws -> [String] {
    let native = try Place.qemu.log(design, profile: profile)
    let xen = try undisturbedXen(design, profile)
    try expectWhole(native)
    #expect(native.last { $0.hasPrefix("limen-probe done") }?.wholeMatch(of: /limen-probe done: (\d+) of \1 ok/) != nil)
    func names(_ log: [String]) -> [Substring] { log.map { $0.prefix { $0 != " " } } }
    #expect(names(native) == names(xen))
    return zip(native, xen).filter { $0 != $1 }.map { $1 }.filter { !$0.hasPrefix("limen-probe done") }
  }

  /// The probe came to its end, and performed what a kernel without FSGSBASE and LDT lets it.
  static func expectWhole(_ log: [String]) throws {
    let done = try #require(log.compactMap { $0.wholeMatch(of: /limen-probe done: (\d+) of (\d+) ok/) }.first)
    #expect(Int(done.2)! >= 189)
  }
}
