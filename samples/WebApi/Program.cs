// Serves a model: POST /predict with {"features": [39.1, null, 181, 2], "top": 2} answers with the likeliest classes by name.
//   dotnet run -- --train                       writes penguins.safetensors, so that there is something to serve
//   dotnet run                                  serves it; --model names another file, --urls another address
//   dotnet run -- --check                       serves on a free port of this machine, and asks itself
//   dotnet run -c Release -- --measure          how many predictions a second, with one thread a product and with all
using MathNet.Numerics;
using Samples.WebApi;

if (args.Contains("--train")) return Penguins.Train("penguins.safetensors");
if (args.Contains("--measure")) return Measure.Run();
if (args.Contains("--check")) return await Check.RunAsync();
await Api.Build(args).RunAsync();
return 0;

/// <summary>The endpoints.</summary>
internal static class Api
{
    internal static WebApplication Build(string[] args)
    {
        // Requests are what runs side by side here, so that each computes on its own thread alone.
        Control.MaxDegreeOfParallelism = 1;
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddSingleton(new Served(builder.Configuration["model"] ?? "penguins.safetensors"));
        builder.Services.AddProblemDetails();
        var app = builder.Build();
        app.UseStatusCodePages();

        app.MapGet("/health", (Served served) => new Health("ok", served.Version, served.Classes));

        app.MapPost("/predict", (Question question, Served served) =>
        {
            try
            {
                return Results.Ok(served.Predict(question));
            }
            catch (ArgumentException refused)
            {
                return Results.Problem(refused.Message, statusCode: StatusCodes.Status400BadRequest);   // the library says what it expects, and what came
            }
        });

        // Takes the file anew, as after a training. Who asks meanwhile is answered, by the old model or the new one. In earnest, not for everyone to call.
        app.MapPost("/reload", (Served served) =>
        {
            try
            {
                return Results.Ok(new Health("ok", served.Reload(), served.Classes));
            }
            catch (Exception refused) when (refused is IOException or InvalidDataException)
            {
                return Results.Problem(refused.Message, statusCode: StatusCodes.Status409Conflict);     // the old model goes on serving
            }
        });
        return app;
    }
}
