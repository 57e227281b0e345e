import Foundation
import Subjects
import Testing

/// Goal: the probe's symbols keep the protocol that `Probe/README.md` promises Limen, and a real kernel, run by QEMU
/// and not by us, answers every crossing from every posture as the documented ABI says, on both vendors' paths.
@Suite struct ProbeTests {
  @Test func everyCrossingHasItsLabels() throws {
    let probe = try Probe.built()
    let crossings = try probe.names("limen_crossing_names")
    #expect(
      Set(crossings) == [
        "syscall64", "int80", "syscall32", "sysenter", "ud", "bp", "de", "gp", "pf", "sigreturn", "irq", "nmi", "db",
      ])
    for name in crossings {
      #expect(probe.symbols["limen_crossing_\(name)"] != nil, "limen_crossing_\(name)")
      #expect(probe.symbols["limen_crossed_\(name)"] != nil, "limen_crossed_\(name)")
    }
    for name in ["limen_ready", "limen_request", "limen_done", "limen_rsp", "limen_applicable", "limen_answer"] {
      #expect(probe.symbols[name] != nil, "\(name)")
    }
  }

  /// The bytes at each label are the instruction that leaves user mode, by the manuals' opcode tables.
  @Test func labelsAreAtTheInstructions() throws {
    let probe = try Probe.built()
    let opcodes: [String: [UInt8]] = [
      "syscall64": [0x0f, 0x05], "syscall32": [0x0f, 0x05], "sigreturn": [0x0f, 0x05], "sysenter": [0x0f, 0x34],
      "int80": [0xcd, 0x80], "ud": [0x0f, 0x0b], "bp": [0xcc], "gp": [0xf4], "db": [0x90], "de": [0xf7], "pf": [0xc6],
    ]
    for (name, bytes) in opcodes {
      let address = try #require(probe.symbols["limen_crossing_\(name)"])
      #expect(try probe.bytes(at: address, count: bytes.count) == bytes, "\(name)")
    }
    // The code at the top of user space ends where Linux's last page does.
    for (name, length) in ["syscall64": 2, "int80": 2, "ud": 2, "bp": 1] as [String: UInt64] {
      #expect(probe.symbols["limen_top_\(name)"] == 0x7fff_ffff_f000 - length, "\(name)")
    }
  }

  @Test func requestStartsAsEverything() throws {
    let probe = try Probe.built()
    let request = try #require(probe.symbols["limen_request"])
    #expect(try probe.bytes(at: request, count: 8) == Array(repeating: 0xff, count: 8))
  }

  @Test func everyCrossingFitsSomePosture() throws {
    let probe = try Probe.built()
    let crossings = try probe.names("limen_crossing_names")
    let postures = try probe.names("limen_posture_names")
    #expect(Set(postures).count == postures.count)
    let table = try probe.bytes(
      at: #require(probe.symbols["limen_applicable"]), count: crossings.count * postures.count)
    #expect(table.allSatisfy { $0 <= 1 })
    for (index, name) in crossings.enumerated() {
      #expect(table[index * postures.count] == 1, "\(name)/\(postures[0])")
    }
    for (index, name) in postures.enumerated() {
      #expect(crossings.indices.contains { table[$0 * postures.count + index] == 1 }, "\(name)")
    }
  }

  @Test(arguments: [
    ("qemu64,vendor=GenuineIntel,+fsgsbase,+smep", "sysenter", "syscall32"),
    // Without SMAP: QEMU 7.2's IRET at CPL 3 reads the user's stack as the kernel would.
    ("EPYC,-smap", "syscall32", "sysenter"),
  ])
  func agreesWithLinuxUnderQEMU(processor: String, has: String, hasNot: String) throws {
    let probe = try Probe.built()
    let crossings = try probe.names("limen_crossing_names")
    let lines = try Probe.runUnderQEMU(processor: processor, initramfs: probe.cpio)
    let verdicts = lines.filter { line in crossings.contains { line.hasPrefix("\($0)/") } }
    #expect(verdicts.filter { !$0.contains(" ok") } == [])
    #expect(verdicts.contains { $0 == "\(has)/normal ok" })
    #expect(!verdicts.contains { $0.hasPrefix("\(hasNot)/") })
    #expect(verdicts.contains { $0 == "sigreturn/return-rip-noncanonical ok, SIGSEGV" })
    // 13 crossings without the other vendor's, FSGSBASE on, 16-bit segments off, as Debian's cloud kernel has them.
    #expect(lines.last { $0.hasPrefix("limen-probe done") } == "limen-probe done: 227 of 227 ok")
  }

  @Test func oneRequestRunsAlone() throws {
    let probe = try Probe.built()
    let crossing = try #require(probe.names("limen_crossing_names").firstIndex(of: "pf"))
    let posture = try #require(probe.names("limen_posture_names").firstIndex(of: "rsp-kernel-text"))
    let program = try probe.poked(
      at: #require(probe.symbols["limen_request"]), [UInt8(crossing), 0, 0, 0, UInt8(posture), 0, 0, 0])
    let lines = try Probe.runUnderQEMU(processor: "qemu64", initramfs: Initramfs.running(program).archive)
    let ours = lines.filter { $0.contains(" ok") || $0.contains("limen-probe") }
    #expect(ours.count == 1)
    // What the firmware wrote before has no end of line.
    #expect(ours.first?.hasSuffix("pf/rsp-kernel-text ok, SIGSEGV") == true)
  }
}
