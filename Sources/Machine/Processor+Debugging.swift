/// What only a debugger reads of the processor: the vector and x87 registers as they are, and the system registers that name tables.
///
/// SDM vol. 1, "Basic Program Execution Registers"; vol. 3A, "Memory-Management Registers".
extension Processor {
  /// XMM0 to XMM15, each as its low and its high half.
  public func vectorRegister(_ index: Int) -> (low: UInt64, high: UInt64) {
    let vector = s.pointee.vectors[index]
    return (vector.low, vector.high)
  }

  /// MXCSR.
  public var vectorControl: UInt32 { s.pointee.mxcsr }

  /// The x87 FPU.
  public var floatingPoint: X87State { s.pointee.x87 }

  /// The task register's selector, and the base of the task state segment.
  public var taskRegister: (selector: UInt16, base: UInt64) { (s.pointee.tr.selector, s.pointee.trBase) }

  /// The selector and base of the local descriptor table.
  public var localDescriptorTable: (selector: UInt16, base: UInt64) { (s.pointee.ldtr.selector, s.pointee.ldtrBase) }
}
