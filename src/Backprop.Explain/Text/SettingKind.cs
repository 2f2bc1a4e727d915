namespace Backprop.Explain;

/// <summary>What a setting may be.</summary>
internal enum SettingKind
{
    Integer,
    IntegerOrNone,
    Number,
    NumberOrNone,
    Flag,
    Choice,
    Integers,
    NumbersOrNone,
    Range,
    Loss,
}
