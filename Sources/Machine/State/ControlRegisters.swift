/// Bits of CR0, CR4, EFER, DR6 and DR7. SDM vol. 3A, "Control Registers", "Extended Feature Enable Register" and
/// "Debug Registers"; AMD APM vol. 2, "System-Control Registers".
public enum CR0 {
  public static let protection: UInt64 = 1 << 0
  public static let monitorCoprocessor: UInt64 = 1 << 1
  public static let emulation: UInt64 = 1 << 2
  public static let taskSwitched: UInt64 = 1 << 3
  public static let extensionType: UInt64 = 1 << 4
  public static let numericError: UInt64 = 1 << 5
  public static let writeProtect: UInt64 = 1 << 16
  public static let alignmentMask: UInt64 = 1 << 18
  public static let notWriteThrough: UInt64 = 1 << 29
  public static let cacheDisable: UInt64 = 1 << 30
  public static let paging: UInt64 = 1 << 31
  static let defined: UInt64 = 0xE005_003F
}

public enum CR4 {
  public static let timeStampDisable: UInt64 = 1 << 2
  public static let debuggingExtensions: UInt64 = 1 << 3
  public static let pageSizeExtensions: UInt64 = 1 << 4
  public static let physicalAddressExtension: UInt64 = 1 << 5
  public static let machineCheckEnable: UInt64 = 1 << 6
  public static let globalPages: UInt64 = 1 << 7
  public static let performanceCounters: UInt64 = 1 << 8
  public static let fxsave: UInt64 = 1 << 9
  public static let unmaskedSIMDExceptions: UInt64 = 1 << 10
  public static let userModeInstructionPrevention: UInt64 = 1 << 11
  public static let fsgsbase: UInt64 = 1 << 16
  public static let processContextIdentifiers: UInt64 = 1 << 17
  public static let osxsave: UInt64 = 1 << 18
  public static let smep: UInt64 = 1 << 20
  public static let smap: UInt64 = 1 << 21
  public static let controlFlowEnforcement: UInt64 = 1 << 23
  /// Flexible return and event delivery.
  public static let fred: UInt64 = 1 << 32
}

public enum EFER {
  public static let syscallEnable: UInt64 = 1 << 0
  public static let longModeEnable: UInt64 = 1 << 8
  public static let longModeActive: UInt64 = 1 << 10
  public static let noExecute: UInt64 = 1 << 11
  /// AIBRSE, on AMD's processors.
  public static let automaticIBRS: UInt64 = 1 << 21
}

public enum DR6 {
  /// Bits that always read as one.
  public static let fixedOnes: UInt64 = 0xFFFF_0FF0
  public static let debugRegisterAccess: UInt64 = 1 << 13
  public static let singleStep: UInt64 = 1 << 14
  /// B0 to B3, BD, BS, BT: what met the debug exception.
  public static let causes: UInt64 = 0xE00F
}

public enum DR7 {
  public static let fixedOnes: UInt64 = 1 << 10
  public static let generalDetect: UInt64 = 1 << 13
}
