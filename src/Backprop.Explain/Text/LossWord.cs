using System.Numerics;

namespace Backprop.Explain;

/// <summary>A word for a loss.</summary>
/// <param name="Name">The word.</param>
/// <param name="Settings">Its settings.</param>
/// <param name="Make">Makes the loss.</param>
/// <param name="HasItems">Whether parts stand within it.</param>
internal sealed record LossWord<T>(string Name, Setting[] Settings, Func<Item, Loss<T>> Make, bool HasItems = false) : Word(Name, Settings, HasItems) where T : unmanaged, IFloatingPointIeee754<T>;
