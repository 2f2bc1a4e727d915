namespace Backprop.Explain;

/// <summary>The word for a part of a combined loss: <c>price:part(mse, 3..4, 1..2, 0.5)</c>.</summary>
internal sealed record PartWord() : Word("part",
    [Setting.Required("loss", SettingKind.Loss), Setting.Required("prediction", SettingKind.Range), Setting.Required("target", SettingKind.Range), Setting.Number("weight", 1)]);
