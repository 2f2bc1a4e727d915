namespace Backprop.Explain;

/// <summary>A class, as the targets have it and as the model predicts it.</summary>
/// <param name="Index">The class, from 0.</param>
/// <param name="Samples">Samples that have it.</param>
/// <param name="RowsSincePredicted">Samples looked at since one of them was last predicted to have it.</param>
public readonly record struct ClassRecord(int Index, int Samples, long RowsSincePredicted);
