/// What the user sees, as a machine in user mode has it.
import Invariants
import Machine
import Platform
import Subjects

extension UserView {
  /// - Parameter memory: the user's memory at a fork that is still open.
  init(_ computer: any PlatformComputer, _ memory: UserMemory) {
    let processor = computer.processor
    var registers = GeneralRegister.allCases.map { processor[$0] }
    // ERETU clears what such code has no name for: SDM vol. 2, "ERETU".
    if processor.deliversByFRED && !processor.isIn64BitCode { registers[GeneralRegister.rsp.rawValue] &= 0xFFFF_FFFF }
    self.init(
      registers: registers, rip: processor.rip, rflags: processor.rflags,
      selectors: processor.selectors, attributes: Self.attributes(processor), fsBase: processor.segmentBase(.fs),
      gsBase: processor.segmentBase(.gs), debugRegisters: computer.debugRegisters,
      localTable: processor.localTable, vectors: processor.digestVectors(),
      memory: processor.userPages(since: memory)
    )
  }

  /// Without the DPL of SS, which no instruction of the user's depends on: AMD's SYSRET loads the selector alone and leaves the
  /// kernel's there, until an interrupt's return loads all of it (APM vol. 3, "SYSRET").
  private static func attributes(_ processor: Processor) -> [UInt16] {
    var attributes = processor.segmentAttributes
    attributes[SegmentName.ss.rawValue] &= ~(3 << 5)
    return attributes
  }
}
