package com.example;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Predicts how far a car of the 1920s runs on before it stops, by the line in its model file: distance = intercept + slope * speed. */
public class StoppingDistance {
  private static final Pattern NUMBER = Pattern.compile("\"(intercept|slope)\"\\s*:\\s*(-?[0-9.]+)");

  private final String modelEntry;
  private double intercept;
  private double slope;

  public StoppingDistance(String modelEntry, String modelConfig) {
    this.modelEntry = modelEntry;
  }

  public void Load() throws IOException {
    Matcher numbers = NUMBER.matcher(Files.readString(Path.of(modelEntry)));
    while (numbers.find()) {
      double value = Double.parseDouble(numbers.group(2));
      if (numbers.group(1).equals("slope")) slope = value;
      else intercept = value;
    }
    System.out.println("distance = " + intercept + " + " + slope + " * speed");
  }

  /** Speeds in miles per hour, with spaces between them; distances in feet, in the same order. */
  public String Process(String input) {
    StringBuilder distances = new StringBuilder();
    for (String word : input.trim().split("\\s+")) {
      double speed = Double.parseDouble(word); // a NumberFormatException tells the client what is wrong
      if (!(speed >= 0)) throw new IllegalArgumentException("speed " + word + " is below 0");
      distances.append(distances.length() == 0 ? "" : " ").append(intercept + slope * speed);
    }
    return distances.toString();
  }
}
